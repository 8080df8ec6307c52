-- For wrk: in turn one record, a batch of lines, a fetch of a hundred records, and looks at the broker's state; with
-- `forwarded`, as another broker asks.
local requests
local lines = {}
local number = 0

for line = 1, 20 do
    lines[line] = "0 " .. string.rep("s", 130)
end

function init(arguments)
    local headers = { ["Content-Type"] = "application/x-ndjson" }
    if arguments[1] == "forwarded" then
        headers["X-Aviary-Forwarded"] = "1"
    end
    requests = {
        wrk.format("POST", "/v1/topics/soak/messages?partition=0", headers, lines[1]),
        wrk.format("POST", "/v1/topics/soak/messages?format=raw&partition=0", headers, table.concat(lines, "\n") .. "\n"),
        wrk.format("GET", "/v1/topics/soak/partitions/0/messages?offset=0&limit=100&level=none", headers),
        wrk.format("GET", "/v1/partitions", headers),
        wrk.format("GET", "/metrics", headers),
    }
end

function request()
    number = number + 1
    return requests[number % #requests + 1]
end
