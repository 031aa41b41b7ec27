/* SPDX-License-Identifier: GPL-3.0-or-later
   sensor.c -- the noise of a sensor, drawn from the stream that is given.  It allocates
   nothing. */
#include "data/sensor.h"

#include <math.h>

double light_of_srgb(double value)
{
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

double srgb_of_light(double light)
{
    return light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static int64_t poisson_by_product(random_stream *random, double mean)
{
    const double least = exp(-mean);
    double product = random_uniform(random);
    int64_t count = 0;
    for (; product > least; count++)
        product *= random_uniform(random);
    return count;
}

static double log_factorial(double k)
{
    int sign;
    return lgamma_r(k + 1, &sign);
}

static int64_t poisson_by_rejection(random_stream *random, double mean)
{
    const double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    const double v_most = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        const double u = random_uniform(random) - 0.5, v = random_uniform(random);
        const double us = 0.5 - fabs(u);
        const double k = floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_most)
            return (int64_t)k;
        if (k < 0 || (us < 0.013 && v > us))
            continue;
        if (log(v) + log(inverse_alpha) - log(a / (us * us) + b) <=
            k * log(mean) - mean - log_factorial(k))
            return (int64_t)k;
    }
}

int64_t random_poisson(random_stream *random, double mean)
{
    return mean < 10 ? poisson_by_product(random, mean)
                     : poisson_by_rejection(random, mean);
}

uint16_t sensor_read(const sensor *s, double light, double ratio, random_stream *random)
{
    const double seen = (double)random_poisson(random, light * s->electrons / ratio) +
                        s->read * random_normal(random);
    const double number = rint(s->black + (s->white - s->black) * seen / s->electrons);
    return (uint16_t)fmin(fmax(number, 0), s->white);
}
