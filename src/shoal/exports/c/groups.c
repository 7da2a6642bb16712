    for (i = BINNED; i < GROUPS; ++i) {
        const int code = in->codes[i], known = code < groups[i].columns;
        const real *w = first_row(member, groups[i].first + (known ? code : 0), decoded);
        for (j = 0; j < UNITS; ++j) z[j] = z[j] + (known ? w[j] : 0);
    }
