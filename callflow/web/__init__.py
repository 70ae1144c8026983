"""The pages: the patient's form, the staff's inbox, administration, and the API for programs."""
