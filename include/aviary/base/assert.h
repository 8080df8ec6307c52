/*
 * Assertions for programmer errors. They stay on in release builds; operating errors are returned, not
 * asserted.
 */
#ifndef AVIARY_BASE_ASSERT_H
#define AVIARY_BASE_ASSERT_H

/* Prints the condition and where it stands to standard error, then aborts. */
void assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

#endif
