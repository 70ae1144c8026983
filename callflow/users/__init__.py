"""Staff accounts, sign-in, one-time password links and API tokens.

Use the modules by name: `account`, `session`, `invitation`, `api_token`.
"""
