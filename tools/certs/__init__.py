"""The development PKI: a short-lived certificate proves each mesh identity, a token each person.

It makes keys, certificates, the files from which Envoy reads them, and tokens. It never decides who may do what.
"""

from tools.certs.pki import Pki
from tools.certs.tokens import Tokens

__all__ = ["Pki", "Tokens"]
