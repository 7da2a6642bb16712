NAME='numbers'; CASES=0
