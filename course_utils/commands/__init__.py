"""Commands for those who maintain the course: `python -m course_utils COMMAND`. No chapter imports them."""
