"""One adapter process per model vendor: turns the one provider contract into the vendor's wire format and back.

It decides nothing. It never chooses a model, a price or a fallback, never tries again (Envoy moves on to the next
provider, so a second try here would be paid twice), and never lets a vendor's key or error text leave the process.
"""
