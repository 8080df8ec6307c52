/*
 * base: the words every room speaks. Includes the small headers of the room in one go.
 */
#ifndef AVIARY_BASE_H
#define AVIARY_BASE_H

#include "aviary/base/assert.h"
#include "aviary/base/blob.h"
#include "aviary/base/buffer.h"
#include "aviary/base/bytes.h"
#include "aviary/base/cleanup.h"
#include "aviary/base/clock.h"
#include "aviary/base/crc32c.h"
#include "aviary/base/hash.h"
#include "aviary/base/limits.h"
#include "aviary/base/list.h"
#include "aviary/base/log.h"
#include "aviary/base/prng.h"
#include "aviary/base/slice.h"
#include "aviary/base/status.h"
#include "aviary/base/thread.h"
#include "aviary/base/utf8.h"
#include "aviary/base/uuid.h"

#endif
