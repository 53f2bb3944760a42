"""IVR flows: schema, pure interpreter and the effects it yields."""
