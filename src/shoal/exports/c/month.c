
/* Of the Gregorian calendar, from 0 on. The year begins in March here, so that the leap day is its
   last, and an era has 400 years (Hinnant, "chrono-compatible low-level date algorithms", 2013). */
static int64_t month(double seconds)
{
    const int64_t days = whole(seconds / 86400) + 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097, day_of_era = days - era * 146097;
    const int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day = day_of_era - (365 * year + year / 4 - year / 100);
    return ((5 * day + 2) / 153 + 2) % 12;
}
