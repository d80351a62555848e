/* The door of a running program (common/control.h), from outside. */
#ifndef WIRELAB_LAB_DOOR_H
#define WIRELAB_LAB_DOOR_H

/* Asks the program that has this state directory, and prints what it says: to standard output, or to standard
 * error when it is not pleased. An exit code. `command` is whose words an error begins with. */
int door_ask(const char *command, const char *state, const char *method, const char *path);

#endif
