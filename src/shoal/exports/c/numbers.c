    for (i = 0; i < NUMBERS; ++i)
        for (j = 0; j < UNITS; ++j) z[j] = multiply_add(in->numbers[i], W[i][j], z[j]);
