"""What went wrong, and what to do: findings with cures, the gradient check, the study of draws."""
