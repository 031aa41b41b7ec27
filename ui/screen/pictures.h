/* SPDX-License-Identifier: GPL-3.0-or-later
   pictures.h -- what the pane of pictures can show: a table, of which one key goes to the
   next.  How each is drawn is in the file of its name. */
#ifndef LATHE_UI_SCREEN_PICTURES_H
#define LATHE_UI_SCREEN_PICTURES_H

typedef enum picture {
    PICTURE_AUTO, /* what fits to what happens */
    PICTURE_LOSS,
    PICTURE_WEIGHTS,
    PICTURE_HEAT,
    PICTURE_SAMPLE,
    PICTURE_FRONT,
    PICTURE_COUNT
} picture;

#endif
