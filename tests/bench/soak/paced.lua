-- For wrk: posts 100 bytes at a rate. With a rate of 0 as fast as it goes.
--   wrk --threads 1 ... -s paced.lua http://host:port/path -- REQUESTS-PER-SECOND
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "../report.lua")
local ffi = require("ffi")
ffi.cdef [[
typedef struct { long seconds; long nanoseconds; } instant;
int clock_gettime(int clock, instant *ret_now);
]]
local monotonic = 1
local now = ffi.new("instant")
local rate, due_ms = 0, nil

wrk.method = "POST"
wrk.body = string.rep("m", 100)

local function now_ms()
    ffi.C.clock_gettime(monotonic, now)
    return tonumber(now.seconds) * 1e3 + tonumber(now.nanoseconds) / 1e6
end

function init(arguments)
    rate = tonumber(arguments[1])
    if rate == 0 then
        delay = nil
    end
end

-- Milliseconds until the next request is due. What was missed is made up for.
function delay()
    due_ms = (due_ms or now_ms()) + 1e3 / rate
    return math.max(0, math.floor(due_ms - now_ms()))
end
