"""Where on its host the simulator answers: below these paths Lemonway's own begin."""

DIRECTKIT_PATH = "/directkitrest"
ONBOARDING_PATH = "/onboarding-api"
TOKEN_PATH = "/oauth/api/v1/oauth/token"
SIGNING_PATH = "/webkit"
CONTROL_PLANE_PATH = "/__sim"
