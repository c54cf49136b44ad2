"""The fence against changes of the schema by a service's role: ``python -m tools.migrate.ddl_fence`` prints it.

Only a superuser can make an event trigger, so no migration can: the local stack sets it up with the roles, elsewhere an
administrator runs these statements once in the database. They may run again. The owner's own functions, which open and
drop the tables of a log, pass, because they run as the owner.
"""

DDL_FENCE = """
create or replace function public.only_the_owner_changes_schemas() returns event_trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not pg_has_role(current_user, (select datdba from pg_database where datname = current_database()), 'usage') then
        raise exception '% by % is forbidden: only the owner of the database changes schemas', tg_tag, current_user
            using errcode = '42501';
    end if;
end $$;
drop event trigger if exists only_the_owner_changes_schemas;
create event trigger only_the_owner_changes_schemas on ddl_command_start
    execute function public.only_the_owner_changes_schemas();
"""
"""Refuses every statement that creates, alters or drops something, to all but the owner and superusers."""

if __name__ == "__main__":
    print(DDL_FENCE)
