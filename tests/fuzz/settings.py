NAME='settings'; CASES=0
