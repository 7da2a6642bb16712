    for (i = BINNED; i < GROUPS; ++i) {
        const int code = in->codes[i];
        for (j = 0; j < UNITS; ++j) z[j] = z[j] + (code < groups[i].columns ? W[groups[i].first + code][j] : 0);
    }
