"""Data: images as one tensor, downloaded or offline, and toy data whose truth is known."""

from course_utils.data.images import DataError, Images, batches, load_images

__all__ = ["DataError", "Images", "batches", "load_images"]
