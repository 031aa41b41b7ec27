/* SPDX-License-Identifier: GPL-3.0-or-later
   calibrate.c -- the grid of shapes on which methods are measured, and the walk through
   it.  One shape is measured in calibrate_shape.c. */
#include "measure/calibrate.h"

#include <math.h>
#include "measure/calibrate_parts.h"

/* Sizes and channels as networks have them: many pixels with few channels, few with many;
   what stands first is measured if the time is short. */
const grid_shape calibration_grid[] = {
    /* 3x3 */
    {200, 8, 8, 3, 1, false, false, true},
    {100, 16, 16, 3, 1, false, false, true},
    {50, 32, 32, 3, 1, false, true, true},
    {25, 64, 64, 3, 1, false, true, true},
    {12, 128, 128, 3, 1, false, true, true},
    {6, 256, 256, 3, 1, false, true, true},
    {3, 512, 512, 3, 1, false, true, true},
    {32, 64, 128, 3, 1, false, true, false},
    {16, 256, 256, 3, 1, false, true, false},
    {8, 256, 512, 3, 1, false, true, true},
    {4, 512, 512, 3, 1, false, true, true},
    /* 1x1, and rows of linear layers as pixels */
    {100, 16, 16, 1, 1, false, false, false},
    {128, 32, 32, 1, 1, false, false, false},
    {50, 32, 64, 1, 1, false, true, true},
    {25, 128, 128, 1, 1, false, true, true},
    {6, 512, 512, 1, 1, false, true, true},
    {1, 512, 512, 1, 1, false, true, true},
    {1, 128, 128, 1, 1, false, true, true},
    /* depthwise */
    {100, 32, 32, 3, 1, true, false, false},
    {25, 128, 128, 3, 1, true, false, true},
    {6, 512, 512, 3, 1, true, false, true},
    /* stride 2 */
    {50, 32, 32, 3, 2, false, false, false},
    {12, 64, 128, 3, 2, false, false, true},
    {25, 128, 128, 3, 2, true, false, true},
    /* 3x3 between them, and at the ends */
    {200, 16, 8, 3, 1, false, false, true},
    {100, 32, 16, 3, 1, false, false, true},
    {100, 8, 16, 3, 1, false, false, true},
    {50, 16, 32, 3, 1, false, false, true},
    {50, 64, 32, 3, 1, false, false, true},
    {25, 32, 64, 3, 1, false, false, true},
    {25, 128, 64, 3, 1, false, false, true},
    {12, 64, 128, 3, 1, false, false, true},
    {12, 256, 128, 3, 1, false, false, true},
    {6, 128, 256, 3, 1, false, false, true},
    {6, 512, 256, 3, 1, false, false, true},
    {3, 256, 512, 3, 1, false, false, true},
    {3, 512, 256, 3, 1, false, false, true},
    {2, 512, 512, 3, 1, false, false, true},
    {1, 512, 512, 3, 1, false, false, true},
    {200, 1, 8, 3, 1, false, false, false},
    {64, 32, 32, 3, 1, false, false, false},
    {32, 64, 64, 3, 1, false, false, false},
    {128, 32, 32, 3, 1, false, false, false},
    {64, 64, 64, 3, 1, false, false, false},
    {200, 8, 2, 1, 1, false, false, false},
    {12, 256, 256, 1, 1, false, false, true},
    {1, 512, 16, 1, 1, false, false, true},
    {1, 16, 512, 1, 1, false, false, true},
};
const int calibration_grid_count =
    (int)(sizeof calibration_grid / sizeof *calibration_grid);

static status walk(calibration *c, double seconds, const task *watch, int *shapes,
                   error *e)
{
    TRY(calibrate_limits(c, e));
    double end = task_clock() + seconds;
    for (*shapes = 0;
         *shapes < calibration_grid_count && (*shapes == 0 || task_clock() < end);
         (*shapes)++) {
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "tune: stopped, nothing is kept");
        TRY(calibrate_shape(c, &calibration_grid[*shapes], e));
        task_report(watch, &(progress){.stage = "measure",
                                       .unit = "shape",
                                       .done = *shapes + 1,
                                       .total = calibration_grid_count,
                                       .loss = NAN,
                                       .metric = NAN});
    }
    return calibrate_limits(c, e); /* again: another program may have been at work */
}

calibration *calibrate_machine(double seconds, const task *watch, int *shapes,
                               int *shapes_all, error *e)
{
    calibration *c = calibration_new(e);
    *shapes_all = calibration_grid_count;
    if (!c || walk(c, seconds, watch, shapes, e) == E_OK)
        return c;
    calibration_free(c);
    return NULL;
}
