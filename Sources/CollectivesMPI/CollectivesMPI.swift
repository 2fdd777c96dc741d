// CollectivesMPI
