"""A contract of import-linter: no module imports itself by way of others."""

from graphlib import CycleError, TopologicalSorter

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output


class AcyclicModules(Contract):
    """Fails if modules of the root packages import each other in a circle.

    import-linter's own ``acyclic_siblings`` compares packages: two packages whose modules import
    each other without a circle would fail it. Imports inside of functions and under
    ``TYPE_CHECKING`` count.
    """

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return the first circle that there is, as ``metadata``."""
        imports = {
            name: graph.find_modules_directly_imported_by(name) for name in sorted(graph.modules)
        }
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            return ContractCheck(kept=False, metadata={"circle": error.args[1]})
        return ContractCheck(kept=True)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the circle, each module imported by the next one."""
        output.print_error(" <- ".join(check.metadata["circle"]))
