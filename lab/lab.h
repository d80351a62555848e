/* The sub-commands of `wirelab`: each takes its own words (argv[0] is its name) and returns an exit code. */
#ifndef WIRELAB_LAB_H
#define WIRELAB_LAB_H

int run_command(int argc, char **argv);
int check_command(int argc, char **argv);
int help_command(int argc, char **argv);
int manual_command(int argc, char **argv);
int scenario_command(int argc, char **argv);

/* `wirelab help scenario [STEP]`; NULL: the language. */
int scenario_help(const char *step);
/* `wirelab help expect` */
int expect_help(void);
/* `wirelab manual --scenarios` */
int scenario_manual(void);
int explain_command(int argc, char **argv);
int lease_command(int argc, char **argv);
int leases_command(int argc, char **argv);
int ds_command(int argc, char **argv);
int stats_command(int argc, char **argv);
int check_zone_command(int argc, char **argv);
int zone_command(int argc, char **argv);
int zones_command(int argc, char **argv);

#endif
