"""`python -m deploy` is `carebell`, for where the console script is not on the path."""

import sys

from deploy.cli import main

sys.exit(main())
