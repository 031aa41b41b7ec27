/* SPDX-License-Identifier: GPL-3.0-or-later
   terminal.c -- questions to the terminal and the environment.  It writes nothing. */
#include "ui/output/terminal.h"

#include <langinfo.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/text.h"

bool colour_choice_find(const char *name, colour_choice *choice)
{
    static const char *const names[] = {
        [COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (text_equal(name, names[i])) {
            *choice = (colour_choice)i;
            return true;
        }
    }
    return false;
}

int terminal_columns(int descriptor)
{
    struct winsize size;
    if (!isatty(descriptor))
        return 0;
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

int terminal_rows(int descriptor)
{
    struct winsize size;
    if (!isatty(descriptor))
        return 0;
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
        return size.ws_row;
    return 24;
}

bool terminal_colour(colour_choice choice, int descriptor)
{
    if (choice != COLOUR_AUTO)
        return choice == COLOUR_ALWAYS;
    const char *type = getenv("TERM"), *none = getenv("NO_COLOR");
    return isatty(descriptor) && type && !text_equal(type, "dumb") && !(none && *none);
}

bool terminal_unicode(void)
{
    return text_equal(nl_langinfo(CODESET), "UTF-8");
}
