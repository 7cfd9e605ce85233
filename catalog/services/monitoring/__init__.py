"""What the processes of the site count and time, and signs that they are alive."""
