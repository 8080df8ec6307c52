/*
 * Who makes things fail: each kind of fault at its own random times, as the profile has it.
 */
#ifndef AVIARY_TESTS_SIMULATION_NEMESIS_H
#define AVIARY_TESTS_SIMULATION_NEMESIS_H

struct broker;
struct simulation;

void nemesis_start(struct simulation *simulation);
/* A broker begins to lead a group: perhaps not for long. */
void nemesis_sees_leader(struct simulation *simulation, struct broker *broker);
/* It has changed the members of one: perhaps some others do not hear of it. */
void nemesis_sees_change(struct simulation *simulation, struct broker *broker);

#endif
