NAME='tables'; CASES=0
