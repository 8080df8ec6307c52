/*
 * Who makes things fail: each kind of fault at its own random times, as the profile has it.
 */
#ifndef AVIARY_TESTS_SIMULATION_NEMESIS_H
#define AVIARY_TESTS_SIMULATION_NEMESIS_H

struct broker;
struct simulation;

void nemesis_start(struct simulation *simulation);
/* A broker begins to lead a group, or changes its members: perhaps it does not come to the end of that. */
void nemesis_sees_step(struct simulation *simulation, struct broker *broker);

#endif
