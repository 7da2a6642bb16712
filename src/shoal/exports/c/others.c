    {
        real one[OUTPUTS];
        int member;
        for (member = 1; member < MEMBERS; ++member) {
            outputs_of(member, in, one);
            for (k = 0; k < OUTPUTS; ++k) a2[k] = a2[k] + one[k];
        }
        for (k = 0; k < OUTPUTS; ++k) a2[k] = a2[k] / MEMBERS;
    }
