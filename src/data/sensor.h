/* SPDX-License-Identifier: GPL-3.0-or-later
   sensor.h -- what a camera's sensor says of light: shot noise, read noise, steps.  It
   knows nothing of colours or pictures. */
#ifndef LATHE_DATA_SENSOR_H
#define LATHE_DATA_SENSOR_H

#include <stdint.h>
#include "base/random.h"

typedef struct sensor {
    double electrons; /* that fill a pixel at white */
    double read;      /* deviation of the read noise, in electrons */
    double black, white; /* numbers for no light and for a full pixel */
} sensor;

/* sRGB to light and back, 0 to 1.  Source: IEC 61966-2-1. */
double light_of_srgb(double value);
double srgb_of_light(double light);

/* A number of Poisson's distribution of that MEAN (0 to 1e7).
   Source: below 10 the product of uniforms (Knuth), else Hoermann, Insurance: Mathematics
   and Economics 12 (1993) 39, algorithm PTRS. */
int64_t random_poisson(random_stream *random, double mean);

/* The number for LIGHT, 1 being white, in an exposure shorter by RATIO:
   black + (white - black) (Poisson(light electrons / ratio) + read noise) / electrons,
   rounded and held within 0 to WHITE. */
uint16_t sensor_read(const sensor *s, double light, double ratio, random_stream *random);

#endif
