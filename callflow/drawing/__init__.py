"""A flow as a picture that one can print and hang on the wall."""
