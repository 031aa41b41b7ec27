/* SPDX-License-Identifier: GPL-3.0-or-later
   picture.h -- pictures out of PNG files.  It knows nothing of datasets. */
#ifndef LATHE_DATA_PICTURE_H
#define LATHE_DATA_PICTURE_H

#include "tensor/tensor.h"

/* How many channels are wanted; what is there is converted, transparency left out. */
typedef enum picture_colour {
    COLOUR_ANY,  /* one channel or three, as in the file */
    COLOUR_GREY, /* colours weighted as libpng does: 0.2126, 0.7152, 0.0722 */
    COLOUR_RGB
} picture_colour;

/* (H, W, C), u8, or u16 from files of 16 bits.  Fewer bits than 8 are spread over 0..255.
   The size that the file tells is held against its length before memory is taken. */
tensor *picture_read(const char *path, picture_colour colour, error *e);
tensor *picture_parse(const void *bytes, size_t length, const char *who,
                      picture_colour colour, error *e);

/* T (H, W, C), u8 or u16, as parts of the largest value: TO[i] = T[i] / 255 or / 65535. */
void picture_to_f32(const tensor *t, float *to);

/* T (H, W, C) of u8 or u16 in another size: linear interpolation between the centres of
   pixels, and where it gets smaller a triangle as wide as the new pixels, so that nothing
   is skipped. */
tensor *picture_resize(const tensor *t, int64_t height, int64_t width, error *e);

#endif
