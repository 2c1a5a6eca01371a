"""Who may do what: devices, living tokens, codes, the owner's link, the Host check. No HTTP."""
