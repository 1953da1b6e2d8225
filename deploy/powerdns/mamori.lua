-- PowerDNS Recursor 4.8: subscribe to the list. Named by lua-config-file in recursor.conf.
-- The hot zone goes first: it holds the latest changes, withdrawals too, and overrules the base behind it.
-- refresh: this version looks by itself every so many seconds and does not act on NOTIFY for policy zones. So long it also waits when
-- its first look after a start failed, and blocks nothing of that zone until then.
rpzPrimary({"@PRIMARY_ADDRESS@:@PRIMARY_PORT@"}, "hot-@ZONE@", {
  refresh = 1, tsigname = "@KEY_NAME@", tsigalgo = "hmac-sha256", tsigsecret = "@KEY_SECRET@",
})
rpzPrimary({"@PRIMARY_ADDRESS@:@PRIMARY_PORT@"}, "@ZONE@", {
  refresh = 5, tsigname = "@KEY_NAME@", tsigalgo = "hmac-sha256", tsigsecret = "@KEY_SECRET@",
})
-- side zone: begin (where none was handed to you, these lines go)
rpzPrimary({"@PRIMARY_ADDRESS@:@PRIMARY_PORT@"}, "@SIDE_ZONE@", {
  refresh = 5, tsigname = "@KEY_NAME@", tsigalgo = "hmac-sha256", tsigsecret = "@KEY_SECRET@",
})
-- side zone: end
