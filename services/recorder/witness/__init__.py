"""A small witness of C2SP tlog-witness: it cosigns what only adds to what it saw, for logs of anybody that it knows."""
