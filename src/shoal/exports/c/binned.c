    for (i = 0; i < BINNED; ++i) {
        const int first = groups[i].first, code = in->codes[i], below = code < groups[i].bins ? code : 0;
        real before[UNITS] = {0};
        const real *own;
        int c;
        for (c = 0; c < below; ++c) {
            own = first_row(member, first + c, decoded);
            for (j = 0; j < UNITS; ++j) before[j] = before[j] + own[j];
        }
        own = first_row(member, first + code, decoded);
        if (code < groups[i].bins)
            for (j = 0; j < UNITS; ++j) z[j] = multiply_add(in->places[i], own[j], z[j] + before[j]);
        else
            for (j = 0; j < UNITS; ++j) z[j] = (z[j] + own[j]) + 0;
    }
