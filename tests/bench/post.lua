-- For wrk: posts the content of a file again and again.
--   wrk ... -s post.lua http://host:port/path -- FILE CONTENT-TYPE
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
wrk.method = "POST"

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    wrk.body = file:read("*a")
    wrk.headers["Content-Type"] = arguments[2]
    file:close()
end
