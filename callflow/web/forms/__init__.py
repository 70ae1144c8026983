"""Request forms: what is asked (`question`, `form`), how answers are judged (`answers`) and read (`reading`).

Pure but for `source`, which reads config/forms/. Forms sort; they decide nothing medical.
"""
