from mamori.ground.actors import Role, grant

QUOTA = "exchange.quota"

grant(QUOTA, Role.OPERATOR)
