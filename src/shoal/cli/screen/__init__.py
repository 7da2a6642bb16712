"""What people see: lines and tables of results, errors and notes, progress."""
