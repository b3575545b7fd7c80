"""`python -m app.supervisor`."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from app.config import Settings
from app.supervisor.console import Console
from app.supervisor.preflight import StartError, check_port, hold_home
from app.supervisor.programs import plan_of
from app.supervisor.supervisor import Supervisor


def main() -> int:
    """Run the shop until told to stop; returns the exit code, or raises SystemExit with what is wrong."""
    try:
        settings = Settings()
        check_port(settings.host, settings.port)
        with hold_home(settings.home_path):
            console = Console(settings.home_path / "logs" / "run.log")
            return Supervisor(plan_of(settings), console).run()
    except StartError as error:
        raise SystemExit(str(error)) from None
    except ValidationError as error:
        raise SystemExit(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    """One sentence for each wrong setting."""
    return "\n".join(
        f"{'.'.join(str(part) for part in problem['loc']).upper() or 'Settings'}: {problem['msg']}."
        for problem in error.errors()
    )


if __name__ == "__main__":
    sys.exit(main())
