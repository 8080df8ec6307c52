-- For wrk: in turn a batch of lines and a fetch of a hundred records.
local lines = {}
local number = 0

for line = 1, 20 do
    lines[line] = "0 " .. string.rep("s", 130)
end

local batch = wrk.format("POST", "/v1/topics/soak/messages?format=raw&partition=0",
    { ["Content-Type"] = "application/x-ndjson" }, table.concat(lines, "\n") .. "\n")
local fetch = wrk.format("GET", "/v1/topics/soak/partitions/0/messages?offset=0&limit=100")

function request()
    number = number + 1
    return number % 2 == 0 and batch or fetch
end
