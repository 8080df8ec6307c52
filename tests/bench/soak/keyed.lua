-- For wrk: posts a small value, each time under a new idempotency key.
local number = 0

wrk.method = "POST"
wrk.body = "0 filler"

function setup(thread)
    thread:set("prefix", os.time() .. "-" .. tostring(thread))
end

function request()
    number = number + 1
    wrk.headers["Idempotency-Key"] = prefix .. "-" .. number
    return wrk.format()
end
