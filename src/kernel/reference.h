/* SPDX-License-Identifier: GPL-3.0-or-later
   reference.h -- the convolution in double precision, term by term: what algorithms are
   measured against.  It is no algorithm of the table: nothing runs by it. */
#ifndef LATHE_KERNEL_REFERENCE_H
#define LATHE_KERNEL_REFERENCE_H

#include "kernel/convolution.h"
#include "kernel/finish.h"

/* y = rectify((x * weight + bias) scale + shift + residual) of kernel/convolution.h, every
   sum in double and none rounded: y is dense, [n, out_h, out_w, out_c].  Honours x_pitch.
   Threaded; the same bits at any number of threads. */
void convolution_reference(const convolution *v, const float *x, const float *weight,
                           const float *bias, const finish *tail, double *y);

#endif
