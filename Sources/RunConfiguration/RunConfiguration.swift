// RunConfiguration
