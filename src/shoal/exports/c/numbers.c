    for (i = 0; i < NUMBERS; ++i) {
        const real *w = first_row(member, i, decoded);
        for (j = 0; j < UNITS; ++j) z[j] = multiply_add(in->numbers[i], w[j], z[j]);
    }
