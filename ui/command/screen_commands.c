/* SPDX-License-Identifier: GPL-3.0-or-later
   screen_commands.c -- the commands `screen` and `save-screen`: they ask for what others
   do, the one that reads lines and the one that draws. */
#include "ui/command/command.h"
#include "ui/interpreter.h"

static status screen_command(call *c, error *e)
{
    if (interpreter_front(c->interpreter))
        return fail(e, E_USAGE, "screen: it is open already");
    if (!interpreter_settings(c->interpreter)->interactive)
        return fail(e, E_USAGE, "screen: there is no terminal");
    interpreter_wish_screen(c->interpreter);
    return E_OK;
}

const command command_screen = {
    .name = "screen",
    .group = "session",
    .summary = "the whole terminal as a workbench, on the same session",
    .flags = COMMAND_WHOLE,
    .example = "screen",
    .details =
        "Models as a tree of versions, the layers of one, a picture, what "
        "commands answer; ':' writes a command, '?' shows the keys, 'q' comes back to "
        "the prompt.  Commands run while the screen answers, several wait in a queue, "
        "Ctrl-C stops the one that runs and keeps its work.  On a layer '+' and '-' "
        "set how much of it is pruned and 'b' the bits of its weights, beside what is "
        "predicted of bytes, time and error; 'a' applies that as an ordinary command.  "
        "'v' goes through the pictures: the loss as it falls, weights that move while "
        "they are pruned, what layers cost as it is sampled, a sample through the "
        "model, and the front of bytes against error.",
    .see = "save-screen, undo",
    .run = screen_command,
};

static const option save_options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL, "where to"},
    {"colour", OPTION_FLAG, NULL, "no", NULL, "with the escapes of its styles"},
    {0},
};

static status save_screen(call *c, error *e)
{
    const front *f = interpreter_front(c->interpreter);
    if (!f) {
        fail(e, E_USAGE, "save-screen: there is no screen");
        return fail_hint(e, "it is for the line of the screen: lathe --screen");
    }
    return f->save(f->context, option_words(&c->options, "file"),
                   option_flag(&c->options, "colour"), e);
}

const command command_save_screen = {
    .name = "save-screen",
    .group = "session",
    .summary = "write what stands on the screen to a file, as characters",
    .options = save_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_WHOLE,
    .example = "save-screen now.txt",
    .see = "screen",
    .run = save_screen,
};
