    for (i = 0; i < BINNED; ++i) {
        const real(*own)[UNITS] = W + groups[i].first;
        const int code = in->codes[i], below = code < groups[i].bins ? code : 0;
        real before[UNITS] = {0};
        int c;
        for (c = 0; c < below; ++c)
            for (j = 0; j < UNITS; ++j) before[j] = before[j] + own[c][j];
        if (code < groups[i].bins)
            for (j = 0; j < UNITS; ++j) z[j] = multiply_add(in->places[i], own[code][j], z[j] + before[j]);
        else
            for (j = 0; j < UNITS; ++j) z[j] = (z[j] + own[code][j]) + 0;
    }
