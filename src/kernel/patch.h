/* SPDX-License-Identifier: GPL-3.0-or-later
   patch.h -- patches of images and blocks, laid out side by side, and images put together
   from patches: what turns a convolution of more dimensions, or a transposed one, into
   one that kernel/algorithm knows.  Nothing is multiplied but by the finish.

   With e = taps t = (t0, t1, t2) of the kernel, patch p = (p0, p1, p2) and pixel
   q = p stride - padding + t dilation, each axis by itself:

     gather   patch[p][g][t][c] = image[q][g][c], 0 where q lies outside
     scatter  image[q][g][c]    = sum over all p, t that fall on q of patch[p][g][t][c]

   Threaded by rows of what is written, so that sums have one order; allocates nothing.
   Source: Dumoulin, Visin 2016, arXiv:1603.07285, section 4. */
#ifndef LATHE_KERNEL_PATCH_H
#define LATHE_KERNEL_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/finish.h"

/* Largest kernel each way. */
#define PATCH_KERNEL_MAX 64

/* Axes are depth, height, width. */
typedef struct patch {
    int64_t images, size[3], count[3]; /* pixels and patches of one image, each way */
    int64_t channels, groups;          /* of the image; g < groups, c < channels / groups */
    int64_t kernel[3], stride[3], padding[3], dilation[3];
    int64_t pitch; /* elements from pixel to pixel of the image */
} patch;

int64_t patch_taps(const patch *p);   /* t0 t1 t2 */
int64_t patch_pixels(const patch *p); /* of one image */
int64_t patch_count(const patch *p);  /* of one image */

void patch_gather(const patch *p, const float *image, float *patches);
/* The same for codes; OUTSIDE is what reads as 0. */
void patch_gather_codes(const patch *p, const int8_t *image, int8_t outside,
                        int8_t *patches);

/* image = rectify((sum + bias) scale + shift); BIAS has an entry a channel. */
void patch_scatter(const patch *p, const float *patches, const float *bias,
                   const finish *tail, float *image);
/* image (+)= sum. */
void patch_scatter_add(const patch *p, const float *patches, float *image,
                       bool accumulate);

/* Is each pixel in exactly one patch?  Then images are put together by copying; ELEMENT
   is the size of a number or a code in bytes. */
bool patch_is_exact(const patch *p);
void patch_place(const patch *p, size_t element, const void *patches, void *image);

/* to[a][c][b] = from[a][b][c] for blocks of BYTES. */
void patch_turn(int64_t a, int64_t b, int64_t c, int64_t bytes, const void *from,
                void *to);

#endif
