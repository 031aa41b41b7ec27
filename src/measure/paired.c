/* SPDX-License-Identifier: GPL-3.0-or-later
   paired.c -- means, deviations, and differences of pairs.  It knows nothing of what was
   measured. */
#include "measure/paired.h"

#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846

void spread_of(const double *x, int64_t n, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : (double)NAN;
}

/* The probability of a value within -T..T. */
static double student_within(double t, int64_t freedom)
{
    const double angle = atan(t / sqrt((double)freedom)), c = cos(angle), s = sin(angle);
    const bool odd = freedom % 2 == 1;
    double term = odd ? c : 1, sum = freedom == 1 ? 0 : term;
    for (int64_t k = odd ? 3 : 2; k < freedom; k += 2) {
        term *= c * c * (double)(k - 1) / (double)k;
        sum += term;
    }
    return odd ? 2 / PI * (angle + s * sum) : s * sum;
}

double student_quantile(int64_t freedom, double confidence)
{
    double low = 0, high = 1;
    while (student_within(high, freedom) < confidence && high < 1e12)
        high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-14 * high; i++) {
        double middle = low + (high - low) / 2;
        if (student_within(middle, freedom) < confidence)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

void paired_difference(const double *a, const double *b, int64_t n, double *mean,
                       double *low, double *high)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] - b[i];
    *mean = sum / (double)n;
    *low = *high = (double)NAN;
    if (n < 2)
        return;
    for (int64_t i = 0; i < n; i++)
        squares += (a[i] - b[i] - *mean) * (a[i] - b[i] - *mean);
    double error = sqrt(squares / (double)(n - 1) / (double)n);
    double reach = student_quantile(n - 1, 0.95) * error;
    *low = *mean - reach;
    *high = *mean + reach;
}
